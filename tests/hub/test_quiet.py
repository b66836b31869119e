from __future__ import annotations

import io
import logging

from huggingface_hub.utils.tqdm import are_progress_bars_disabled

from builder.hub.quiet import quiet_client

SIGNED = "https://host/bucket/part?X-Amz-Signature=secret&partNumber=1"


def test_the_clients_warnings_lose_signatures_and_its_bars_are_off_where_nobody_watches() -> None:
    stream = io.StringIO()
    client = logging.getLogger("huggingface_hub")
    handler = logging.StreamHandler(stream)
    client.addHandler(handler)
    try:
        before = are_progress_bars_disabled()
        with quiet_client():
            assert are_progress_bars_disabled()
            client.warning("'ProtocolError' thrown while requesting PUT %s", SIGNED)
        assert are_progress_bars_disabled() == before
        client.warning("plain again")
    finally:
        client.removeHandler(handler)
    assert "secret" not in stream.getvalue()
    assert "PUT https://host/bucket/part?" in stream.getvalue()
    assert stream.getvalue().endswith("plain again\n")
