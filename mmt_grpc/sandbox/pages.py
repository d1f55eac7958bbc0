"""The few HTML pages of the sandbox; every value that goes into one is escaped here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape

from mmt_grpc.sandbox.message import NO_STORE, Response

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:10vh auto;max-width:26rem;padding:0 1rem}
main{border:1px solid #8884;border-radius:.75rem;padding:1.5rem}
h1{font-size:1.25rem;margin:0 0 1rem}
code,input[type=text]{font:.95rem ui-monospace,monospace;overflow-wrap:anywhere}
input[type=text]{box-sizing:border-box;width:100%;padding:.5rem;margin:.25rem 0 1rem}
ul{list-style:none;padding:0;margin:.5rem 0 1rem}
button{font:inherit;padding:.5rem 1.25rem;border-radius:.5rem;border:1px solid #8888;cursor:pointer}
button[value=allow]{background:#1652f0;color:#fff;border-color:#1652f0}
.complaint{color:#c22}
small{opacity:.7}
"""


def page(status: int, title: str, content: str) -> Response:
    """A whole page; `content` is HTML that was made in this module."""
    style_hash = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{content}</main>"
        "<p><small>MMT sandbox exchange: nothing here is real.</small></p></body></html>"
    )
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", f"default-src 'none'; style-src 'sha256-{style_hash}'; frame-ancestors 'none'"),
        ("Referrer-Policy", "no-referrer"),
        *NO_STORE,
    )
    return Response(status, body.encode("utf-8", "replace"), headers)


def sentence(text: str, *, css_class: str = "") -> str:
    """One paragraph."""
    return f'<p class="{escape(css_class)}">{escape(text)}</p>' if css_class else f"<p>{escape(text)}</p>"


def labelled(label: str, value: str) -> str:
    """A label and a value to be copied."""
    return f"<p>{escape(label)}<br><code>{escape(value)}</code></p>"


def consent_form(*, passed_on: Mapping[str, str], scopes: Iterable[str], account: str) -> str:
    """The form with Allow and Deny: hidden fields, one tick box per scope, the account to type in."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in passed_on.items()
    )
    boxes = "".join(
        f'<li><label><input type="checkbox" name="scope:{escape(scope)}" value="on" checked> '
        f"<code>{escape(scope)}</code></label></li>"
        for scope in scopes
    )
    return (
        f'<form method="post">{hidden}<ul>{boxes}</ul>'
        f'<label>Account<input type="text" name="account" maxlength="256" autocomplete="off" autofocus '
        f'value="{escape(account)}"></label>'
        '<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></form>'
    )
