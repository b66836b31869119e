"""Operations on a finished package: card, verify, report, push."""
