"""A refresher as one writes it at first: read the row, ask the exchange, write the row; no lease, no spool."""

import contextlib
import sys
import threading
import time

import httpx2

from tests.campaign.naive import connection

THREADS = 4


def work(url: str, token_url: str, remainder: int) -> None:
    """Refresh every token of a share of the accounts, over and over."""
    with (
        contextlib.closing(connection(url)) as rows,
        rows.cursor() as cursor,
        httpx2.Client(trust_env=False, timeout=10) as client,
    ):
        while True:
            cursor.execute(
                "SELECT account, renewal FROM naive WHERE MOD(CRC32(account), %s) = %s AND expires_at < %s",
                (THREADS, remainder, time.time()),
            )
            for account, renewal in cursor.fetchall():
                form = {
                    "grant_type": "refresh_token",
                    "refresh_token": renewal.decode(),
                    "client_id": "sandbox-coinbase",
                    "client_secret": "sandbox-coinbase-secret",
                }
                answer = client.post(token_url, data=form)
                if answer.is_success:
                    given = answer.json()
                    cursor.execute(
                        "UPDATE naive SET access = %s, renewal = %s, expires_at = %s WHERE account = %s",
                        (given["access_token"], given["refresh_token"], time.time() + given["expires_in"], account),
                    )
            time.sleep(0.001)


def main(url: str, token_url: str) -> None:
    """Work until killed."""
    print("working", flush=True)  # noqa: T201  # tells the parent that it has begun
    for remainder in range(THREADS):
        threading.Thread(target=work, args=(url, token_url, remainder)).start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
