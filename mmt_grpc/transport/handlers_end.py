"""How a server waits for handlers whose callers have gone before them."""

import threading
from concurrent.futures import ThreadPoolExecutor


def wait_for_handlers(pool: ThreadPoolExecutor, seconds: float) -> None:
    """Wait up to `seconds` for the handlers that run on a stopped server's threads; none begins any more.

    A call whose caller hung up is over for gRPC, and its server's stop does not wait for it, while the handler runs on.
    What that has begun, an exchange or a deletion, is not to be cut off.
    """
    # An executor waits for its threads without a limit: the limit is ours.
    ending = threading.Thread(target=pool.shutdown, kwargs={"cancel_futures": True}, name="handlers-end", daemon=True)
    ending.start()
    ending.join(max(0.0, seconds))
