"""Sponsors: who sends and pays for what visitors only sign. Each is a service of `ape run sponsor`, for one model.

Nothing is believed of a service but who pays: what is signed is made here, from what the chain says.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from eth_utils import keccak, to_checksum_address

from comodels.dashboard.library import told
from comodels.dashboard.reader import Model, Reader, is_address
from comodels.dashboard.safe import clean
from comodels.dashboard.say import say
from comodels.dashboard.store import InputError
from comodels.signatures import Consent
from comodels.units import DAY

TIMEOUT = 3.0  # seconds: a page waits no longer for a service
FRESH = 60.0  # seconds for which what a service said of itself counts
SILENT = 5.0  # seconds for which it counts that it said nothing
MAX_ANSWER = 400_000  # bytes: of a model with 255 classes, with room
VALID_FOR = DAY  # seconds in which a signature may be sent


class SponsorGone(InputError):
    """The service does not answer now."""


@dataclass(frozen=True)
class Sponsor:
    """A service that takes signed contributions to one model.

    Attributes
    ----------
    account : str
        Who pays, an address.
    agreeing : bool
        Whether it takes only what the model agrees with.
    """

    url: str
    account: str
    agreeing: bool


class Sponsors:
    """The services that the page knows.

    Parameters
    ----------
    urls : sequence of str
        Their addresses, without a slash at the end.
    """

    def __init__(self, reader: Reader, urls: Sequence[str] = ()):
        self.reader = reader
        self.urls = tuple(urls)
        self._about: dict[str, tuple[float, dict]] = {}

    def of(self, model: Model) -> Sponsor | None:
        """The first that takes contributions to a model, as far as the services answer; None if there is none."""
        for url in self.urls:
            about = self._asked(url)
            same = str(about.get("model", "")).lower() == model.address.lower()
            here = about.get("chainId") == self.reader.chain_id
            if (
                same
                and here
                and str(about.get("incentive", "")).lower() == model.trainer.lower()
                and is_address(str(about.get("sponsor")))
            ):
                account = to_checksum_address(about["sponsor"])
                return Sponsor(url, account, about.get("onlyWhatTheModelAgreesWith") is True)
        return None

    def _asked(self, url: str) -> dict:
        """What a service says of itself; nothing if it does not answer."""
        when, about = self._about.get(url, (-FRESH, {}))
        if time.monotonic() - when >= (FRESH if about else SILENT):
            try:
                about = self._json("GET", f"{url}/")[1]
            except SponsorGone:
                about = {}
            self._about[url] = time.monotonic(), about
        return about

    def typed(self, model: Model, sponsor: Sponsor, account: str, x: bytes, y: int) -> dict[str, Any]:
        """What an account's wallet is asked to sign, see `comodels.signatures.Consent`."""
        signature = "round_of(address,address,address,bytes32,uint256)(uint256)"
        arguments = model.address, account, sponsor.account, keccak(x), y
        round = self.reader.node.view(model.trainer, signature, *arguments)
        deadline = max(self.reader.now(), int(time.time())) + VALID_FOR
        what = self.reader.chain_id, model.trainer, model.address, x, y, round, sponsor.account, deadline
        return Consent(*what, model.class_names[y]).typed_data()

    def hand_in(self, sponsor: Sponsor, contribution: Mapping[str, Any]) -> int:
        """Give a sponsor what was signed; the number under which it is kept. Raises `InputError` if it is not taken."""
        status, answer = self._json("POST", f"{sponsor.url}/contributions", contribution)
        number = answer.get("id")
        if status != 202 or not isinstance(number, int):
            raise InputError(say("sponsor.refuses", why=told(clean(str(answer.get("error", status)), 200))))
        return number

    def became(self, sponsor: Sponsor, number: int) -> dict[str, Any]:
        """What the sponsor says became of a contribution. Raises `InputError` if it does not know it."""
        status, answer = self._json("GET", f"{sponsor.url}/contributions/{number}")
        if status != 200:
            raise InputError(say("sponsor.unknown"))
        return answer

    @staticmethod
    def _json(method: str, url: str, content: Mapping[str, Any] | None = None) -> tuple[int, dict]:
        """A service's answer: status and what it says. Raises `SponsorGone` if there is none."""
        try:
            asked = requests.request(method, url, json=content, timeout=TIMEOUT, allow_redirects=False, stream=True)
            with asked as answer:
                body = b""
                for part in answer.iter_content(1 << 16):
                    body += part
                    if len(body) > MAX_ANSWER:
                        raise ValueError("too long")
            said = json.loads(body)
        except (requests.RequestException, ValueError) as error:
            raise SponsorGone(say("sponsor.gone")) from error
        return answer.status_code, said if isinstance(said, dict) else {}
