"""Takes secrets out of texts that somebody else wrote: the messages of errors, which may quote addresses, headers, bodies and commands."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

SENSITIVE_NAMES = frozenset(
    {
        "access_token", "api-key", "api_key", "apikey", "auth", "authorization", "client_secret", "cookie", "key", "pass", "password",
        "passwd", "proxy-authorization", "secret", "set-cookie", "sig", "signature", "token", "x-api-key", "x-auth-token",
    }
)  # fmt: skip
"""Names of parameters and headers whose values never reach a log, an error, an identity or a stored file."""

REDACTED = "***"

_CLEAR = re.compile(
    r"passw(?:or)?[dt]|passphrase|pwd$|secret|credential|(?:api|access|private)key|jwt$|cookie$|sess(?:ion)?id$|authorization$"
    r"|(?:access|api|auth|bearer|client|csrf|id|refresh|security|session|user|xsrf)token$"
)
"""Finds, in names without dashes and in small letters, those that mean nothing else in a text."""

_ASSIGNED = re.compile(r"(?:token|sig|signature|session|sid)$")
"""Names that are secret where ``=`` follows, or in quotes: a "token:" may be that of a parser."""

_WIDE = re.compile(r"(?:^|[^a-z])(?:auth|key|pass|sig|signature|token)$")
"""Names that may be anything: taken for secret only where a stray word may rather be hidden than a secret shown."""

_HINT = re.compile(r"pass|pwd|secret|credential|key|jwt|cookie|sess|sid|auth|token|sig|bearer", re.IGNORECASE)
"""Finds a piece of every secret name: most texts have none, and need no closer look."""

_USER = re.compile(r"(?<=//)[^/\s'\"<>]*@|(?<=%2F%2F)(?:(?:(?!%2F|%40)[^/\s'\"<>])*%40)+", re.IGNORECASE)
_ACCOUNT = re.compile(r"\b([\w.+-]{1,64}:)(?!//)[^\s/@:'\"<>]{1,128}(?=@\w)")
_PARAMETER = re.compile(r"([?&;])([^=?&;#\s'\"<>]+)=([^&;#\s'\"<>]+)")
_BEARER = re.compile(r"\b(bearer(?:\s|%20)+)(?=[^\s'\"]*\d|[^\s'\"]{20})[\w.~+/=-]+", re.IGNORECASE)
_ELEMENT = re.compile(r"<([\w.:-]{1,64})>([^<>]+)(?=</)")
_OPTION = re.compile(r"(?<![\w-])--?([\w-]{2,64}) +(?!-)(\"[^\"]*\"|'[^']*'|\S+)")

_NAME = re.compile(
    r"""
    (?P<name> (?: [\w.-] | %(?! 3[DA] | 2[0267BC] | 5[BD] | 7[BD] | 0[AD] )[0-9A-F]{2} ){1,64}+ )
    (?P<close> (?: \\?['"] | %2[27] )? )
    (?P<mark> \s* (?: => | [=:] | %3[DA] | &\#61; ) (?: \s | %20 )* | (?<=['"]) \s* , \s* (?=b?\\?['"]) )
    \[? \s*
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A name, and what makes the text after it its value: in addresses, headers, JSON, Python and shells, percent-encoded or not."""

_QUOTED = re.compile(
    r"""(\\["']) .*? (?:\1|$) | b?(") (?:[^"\\\r\n]|\\.)* "? | b?(') (?:[^'\\\r\n]|\\.)* '? | (%2[27]) .*? (?:\4|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = r"(?: %(?!2[0267C]|0[AD]) | [^\s&\"',;<%] )+"
_BARE = re.compile(_WORD, re.IGNORECASE | re.VERBOSE)
_WORDS = re.compile(
    rf"""
    \*{{3}} (?![^\s&"',;<%])
    | (?: digest | aws4-hmac-sha256 | oauth | hawk | signature | scram\S* ) \s [^\r\n]+
    | {_WORD} (?: (?:[ \t]|%20|\+)+ {_WORD} )?
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What authorizes: a scheme, and its credentials."""

_LINE = re.compile(r"[^'\"\r\n]+")


def redact_text(text: str, names: frozenset[str] = SENSITIVE_NAMES, *, wide: bool = False) -> str:
    """Return *text* without the secrets of the addresses, headers, bodies and commands that it quotes. Pure; never raises.

    Args:
        text: That of an error, for instance.
        names: Names of parameters of addresses, in small letters, that are secret.
        wide: Hide also what follows names that mean other things as well, a "key" for instance.
    """

    def parameter(found: re.Match[str]) -> str:
        mark, name, _value = found.groups()
        return f"{mark}{name}={REDACTED}" if unquote_plus(name).lower() in names else found[0]

    def account(found: re.Match[str]) -> str:
        return found[1] + REDACTED

    def element(found: re.Match[str]) -> str:
        return f"<{found[1]}>{REDACTED}" if _is_secret(found[1], "", wide=True) else found[0]

    def option(found: re.Match[str]) -> str:
        return found[0][: found.start(2) - found.start()] + REDACTED if _is_secret(found[1], "=", wide=wide) else found[0]

    text = _PARAMETER.sub(parameter, _ACCOUNT.sub(account, _USER.sub("", text)))
    if _HINT.search(unquote(text) if "%" in text else text) is None:
        return text
    text = _OPTION.sub(option, _ELEMENT.sub(element, text))
    return _BEARER.sub(account, _hide_values(text, wide=wide))


def _hide_values(text: str, *, wide: bool) -> str:
    """Return *text* without the values of what has a secret name."""
    kept: list[str] = []
    position = 0
    for found in _NAME.finditer(text):
        if found.start() < position:
            continue  # within a value that is hidden
        name = found["name"]
        if text[max(0, found.start() - 8) : found.start()].lower().endswith(("api ", "access ", "private ", "secret ")):
            name = "api" + name
        if not _is_secret(name, "=" if found["close"] else found["mark"].strip(), wide=wide):
            continue
        value = _value_of(name).match(text, found.end()) if (quoted := _QUOTED.match(text, found.end())) is None else quoted
        if value is None:
            continue
        kept += (text[position : found.end()], _shown(value[0], quoted))
        position = value.end()
    return "".join((*kept, text[position:]))


def _is_secret(name: str, mark: str, *, wide: bool) -> bool:
    """Return whether what follows a name and a mark is secret; *mark* is ``=`` also for a name in quotes."""
    plain = unquote(name).lower()
    bare = re.sub(r"[-_.]", "", plain)
    if _CLEAR.search(bare) is not None or (wide and _WIDE.search(plain) is not None):
        return True
    return mark in {"=", "%3D", "%3d"} and _ASSIGNED.search(bare) is not None


def _value_of(name: str) -> re.Pattern[str]:
    plain = unquote(name).lower()
    return _LINE if plain.endswith("cookie") else _WORDS if plain.endswith("authorization") else _BARE


def _shown(value: str, quoted: re.Match[str] | None) -> str:
    """Return what is shown of a value: its quotes."""
    if quoted is None:
        return REDACTED
    mark = next(group for group in quoted.groups() if group is not None)
    opening = value[: value.index(mark) + len(mark)]
    closing = mark if len(value) > len(opening) and value.endswith(mark) else ""
    return opening + REDACTED + closing
