"""What is peculiar to Uphold (uphold/docs, uphold-sdk-javascript)."""

from typing import Final

from mmt_grpc.providers.dialect import Dialect

UPHOLD: Final = Dialect(revokes_with_bearer=True, gone_is_401=True)
