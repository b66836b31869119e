"""What is done with a finished package: card, verify, report, push."""
