"""A hostile step: any external function, with any arguments, by anybody who is not honest.

Most calls that are drawn at random from the whole range of their types are refused at the first check. So a step begins
with what belongs together (a contribution, a market, a portion, a model: a `Context`), and spoils none, one, two or all
of it: with the edges of every packed field, and with what belongs to something else that exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from comodels.batch import Signed, pack_claims, pack_signed
from comodels.rows import pack_rows
from tests.consent import Consents
from tests.evm import Contract, Evm, Function, Outcome

# bits of packed fields, and where they begin
WIDTHS = [1, 5, *range(8, 49, 8), 15, 26, 35, 36, 64, 72, 85, 88, 96, 128, 144, 160, *range(176, 241, 8), 255]

# A payee of whom nothing can be had: it burns all gas when it is paid, and forwards a call (20 bytes of address, then
# the calldata) with the ether that came along:
#     36 15 6022 57                                  no calldata: go to 34
#     6014 36 03 80 6014 5f 37                       n = size - 20; copy the calldata from 20 on to 0
#     5f 5f 82 5f 34 5f 35 6060 1c 5a f1             call(gas, calldata[:20], value, 0, n, 0, 0)
#     6020 57 5f 5f fd 5b 00                         if it failed, fail, else stop
#     5b 6022 56                                     34: go to 34
BURNER = bytes.fromhex("3615602257601436038060145f375f5f825f345f3560601c5af16020575f5ffd5b005b602256")


@dataclass
class Context:
    """Values that belong together, by the names that functions give them."""

    values: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A transaction of somebody hostile."""

    sender: str
    through: Contract | None  # the wallet that makes the call
    contract: Contract
    function: Function
    arguments: tuple
    data: bytes
    value: int
    gas: int

    def __str__(self) -> str:
        arguments = ", ".join(
            f"{n}={v.hex() if isinstance(v, bytes) else v}"
            for n, v in zip(self.function.names, self.arguments, strict=True)
        )
        way = f" through {self.through.address}" if self.through else ""
        return f"{self.contract.name}.{self.function.name}({arguments[:2_000]}) by {self.sender}{way}, {self.value} wei"


@dataclass
class Hostile:
    """Draws hostile steps.

    Attributes
    ----------
    rng : numpy.random.Generator
    contracts : list of Contract
        Whose functions are called.
    accounts : list of str
        Who calls: nobody honest is among them.
    wallets : list of Contract
        Through which they call: ContractWallets.
    consents : Consents
        What honest people signed, and the keys of the accounts.
    contexts : list of Context
        What exists; whoever drives the world adds to it.
    addresses : list of str
        All that are known.
    """

    rng: np.random.Generator
    contracts: list[Contract]
    accounts: list[str]
    wallets: list[Contract]
    consents: Consents
    contexts: list[Context] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    samples: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._calls: list[tuple[Contract, Function]] = []
        self._by_name: dict[str, list[Any]] = {}
        for contract in self.contracts:
            self.know(contract)

    def know(self, contract: Contract) -> None:
        """One more contract whose functions may be called."""
        self._calls += [(contract, f) for f in contract.functions.values() if not f.view]
        self.addresses.append(contract.address)

    def add(self, **values: Any) -> None:
        """One more thing that exists."""
        self.contexts.append(Context(values))
        if len(self.contexts) > 400:  # the older ones go, but for the models
            del self.contexts[20 : len(self.contexts) - 300]
        for name, value in values.items():
            known = self._by_name.setdefault(name, [])
            known.append(value)
            if len(known) > 400:
                del known[20:200]

    # ---- a step ------------------------------------------------------------------------------------------------------

    def step(self) -> Step:
        """The next step."""
        rng = self.rng
        contract, function = self._pick(self._calls)
        if rng.random() < 0.7 and self.money:  # where the money is
            contract, function = self._pick(self.money)
        sender = self._pick(self.accounts)
        arguments = self._arguments(function)
        if (
            {"model", "count"} <= set(function.names)
            and {"rows", "items"} & set(function.names)
            and rng.random() < 0.95
        ):
            arguments = self._batch(contract, function, arguments, sender)
        try:
            data = function.data(*arguments)
        except Exception as error:  # a generator that draws what its type does not hold is a fault of ours
            raise AssertionError(f"{function}: {arguments}") from error
        if rng.random() < 0.03:
            data = self._spoil(data)
        through = self._pick(self.wallets) if rng.random() < 0.3 else None
        value = self._value() if function.payable or rng.random() < 0.02 else 0
        gas = 16_777_216 if rng.random() < 0.8 else int(10 ** rng.uniform(4.4, 7.2))
        return Step(sender, through, contract, function, arguments, data, value, gas)

    @property
    def money(self) -> list[tuple[Contract, Function]]:
        return self._money

    def prefer(self, contracts: list[Contract]) -> None:
        """Contracts at which most steps aim."""
        self._money = [(c, f) for c, f in self._calls if c in contracts]

    _money: list = field(default_factory=list, repr=False)

    def _arguments(self, function: Function) -> tuple:
        rng = self.rng
        values = self._context(function)
        # which ones to spoil: none, one, two, or each of them perhaps
        n = len(function.names)
        choice = rng.random()
        spoilt = set(range(n)) if choice > 0.9 else set(rng.integers(0, n, int(choice * 3.4)).tolist()) if n else set()
        arguments = []
        for i, (name, kind) in enumerate(zip(function.names, function.types, strict=True)):
            if name == "salt" and rng.random() < 0.5:
                arguments.append(rng.bytes(32))  # what is new, if all else is as it was
            elif name in values and fits(values[name], kind) and i not in spoilt:
                arguments.append(values[name])
            else:
                arguments.append(self._any(name, kind, values.get(name)))
        return tuple(arguments)

    def _context(self, function: Function) -> dict[str, Any]:
        """Something that exists, rather late, that has what a function asks for; or anything."""
        values: dict[str, Any] = {}
        for attempt in range(12 if self.contexts else 0):
            late = len(self.contexts) - 1 - int(self.rng.exponential(15 * (attempt + 1)))
            candidate = self.contexts[late if late >= 0 else int(self.rng.integers(len(self.contexts)))].values
            if all(n in candidate for n in function.names):
                return candidate
            if len(candidate.keys() & set(function.names)) > len(values.keys() & set(function.names)):
                values = candidate
        return values

    # ---- batches -----------------------------------------------------------------------------------------------------

    def _batch(self, contract: Contract, function: Function, arguments: tuple, sender: str) -> tuple:
        """The same arguments with items that can be read, of what exists, now and then with another number of them."""
        rng = self.rng
        named = dict(zip(function.names, arguments, strict=True))
        n = int(rng.integers(0, 5))
        known = [c.values for c in self.contexts[-60:] if {"contributor", "sponsor", "x", "y"} <= c.values.keys()]
        same = [v for v in known if v.get("model") == named["model"]] if rng.random() < 0.8 else known
        picked = [self._pick(same or known) if known else {} for _ in range(n)]
        rows = []
        for v in picked:
            x = v["x"] if v and rng.random() < 0.6 else self._bytes("x")[:512]
            rows.append((v.get("contributor") or self._pick(self.addresses), x, v.get("y", 0) & 255))
        if function.name == "add_signed":
            packed = pack_signed(self._signed(contract, named["model"], row, sender) for row in rows)
        elif function.names[-1] == "rows":
            packed = pack_rows((y, x) for _, x, y in rows)
        else:
            packed = pack_claims(rows)
        if "sponsor" in named:
            zero = "0x" + "00" * 20
            named["sponsor"] = self._pick([zero, zero, *(v["sponsor"] for v in picked if v), named["sponsor"]])
        named["count"] = n if rng.random() < 0.95 else self._number(256, n)
        named[function.names[-1]] = packed
        return tuple(named.values())

    def _signed(self, contract: Contract, model: str, row: tuple[str, bytes, int], sender: str) -> Signed:
        """What an accomplice signs, or what an honest person did: for this model or another, by this sponsor or not."""
        rng = self.rng
        if self.consents.shown and rng.random() < 0.5:
            _, _, item = self._pick(self.consents.shown)
            choice = rng.random()
            if choice < 0.1:
                return Signed(item.contributor, row[1], item.y, item.deadline, item.signature)
            if choice < 0.2:
                return Signed(item.contributor, item.x, row[2], item.deadline, item.signature)
            if choice < 0.3:
                return Signed(row[0], item.x, item.y, 2**40 - 1, item.signature)
            return item
        who = self._pick(self.accounts)
        round = int(rng.integers(0, 2)) if rng.random() < 0.3 else 0
        return self.consents.sign(contract.evm, contract.address, model, who, row[1], row[2], round, sender, 2**40 - 1)

    # ---- values ------------------------------------------------------------------------------------------------------

    def _pick(self, things: list) -> Any:
        return things[int(self.rng.integers(len(things)))]

    def _any(self, name: str, kind: str, valid: Any = None) -> Any:
        """A value of the whole range of an ABI type."""
        rng = self.rng
        if kind.endswith("[]"):
            known = [v for v in self._by_name.get(name, []) if fits(v, kind)]
            if known and rng.random() < 0.8:
                value = list(self._pick(known))
                if value and rng.random() < 0.3:
                    value[int(rng.integers(len(value)))] = self._any(name, kind[:-2])
                return value
            return [self._any(name, kind[:-2]) for _ in range(int(rng.integers(0, 5)))]
        if kind.startswith("("):
            known = [v for v in self._by_name.get(name, []) if fits(v, kind)]
            kinds = kind[1:-1].split(",")
            if known and rng.random() < 0.9:
                value = list(self._pick(known))
                for i, k in enumerate(kinds):
                    if rng.random() < 0.1:
                        value[i] = self._any("", k, value[i])
                return tuple(value)
            return tuple(self._any("", k) for k in kinds)
        known = self._by_name.get(name, [])
        if known and rng.random() < 0.4:
            value = self._pick(known)
            if fits(value, kind):
                return value
        if kind == "address":
            return self._pick(self.addresses)
        if kind == "bool":
            return bool(rng.random() < 0.5)
        if kind.startswith("uint"):
            return self._number(int(kind[4:] or 256), valid if isinstance(valid, int) else None)
        if kind == "bytes32":
            return bytes(32) if rng.random() < 0.3 else rng.bytes(32)
        if kind == "bytes":
            return self._bytes(name)
        if kind == "string":
            return ["", "a", "x" * 255, "no"][int(rng.integers(4))]
        raise AssertionError(f"no values for the type {kind}")

    def _number(self, bits: int, valid: int | None) -> int:
        rng = self.rng
        if valid is None:
            numbers = [v for v in self._by_name.get("index", []) if isinstance(v, int)]
            valid = self._pick(numbers) if numbers and rng.random() < 0.5 else int(rng.integers(0, 6))
        n = int(WIDTHS[int(rng.integers(len(WIDTHS)))])
        width = 16 if rng.random() < 0.3 else n  # of indices
        value = [
            valid,
            valid + (1 << width),
            valid + (int(rng.integers(1, 8)) << width),
            valid ^ (1 << width),
            valid + 1,
            max(0, valid - 1),
            (1 << n) - 1,
            1 << n,
            0,
            1,
            (1 << bits) - 1,
            int.from_bytes(rng.bytes(32), "big") >> int(rng.integers(0, 256)),
        ][int(rng.integers(12))]
        return value % (1 << bits)

    def _bytes(self, name: str) -> bytes:
        rng = self.rng
        if name in ("payload", "data") and self._calls:
            contract, function = self._pick(self._money or self._calls)
            return function.data(*self._arguments(function))[:4_000]
        choice = int(rng.integers(8))
        if choice < 5 and self.samples:
            return self._pick(self.samples)
        if choice == 5:
            return b""
        if choice == 6 and self.samples:
            x = self._pick(self.samples)
            return (x + x)[:512] if rng.random() < 0.5 else x[:-1]
        return rng.bytes(int(rng.integers(0, 96)))

    def _value(self) -> int:
        rng = self.rng
        return [0, 1, 10**15, 10**18, int(10 ** rng.uniform(0, 20)), 10**22, 2**96][int(rng.integers(7))]

    def _spoil(self, data: bytes) -> bytes:
        """Calldata that no encoder makes."""
        rng = self.rng
        choice = int(rng.integers(3))
        if choice == 0:
            return data[: int(rng.integers(0, len(data) + 1))]
        if choice == 1:
            return data + rng.bytes(int(rng.integers(1, 64)))
        spoilt = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            spoilt[int(rng.integers(len(data)))] = int(rng.choice([0, 1, 0x20, 0x7F, 0x80, 0xFF]))
        return bytes(spoilt)

    # ---- doing it ----------------------------------------------------------------------------------------------------

    def do(self, evm: Evm, step: Step) -> Outcome:
        if step.through is None:
            return evm.send(step.sender, step.contract.address, step.data, step.value, step.gas)
        if "run" in step.through.functions:
            data = step.through.data("run", step.contract.address, step.data[:4_000])
        else:
            data = bytes.fromhex(step.contract.address[2:]) + step.data
        return evm.send(step.sender, step.through.address, data, step.value, step.gas)


def fits(value: Any, kind: str) -> bool:
    """Whether a value can be encoded as an ABI type."""
    if kind.endswith("[]"):
        return isinstance(value, list | tuple) and all(fits(v, kind[:-2]) for v in value)
    if kind.startswith("("):
        kinds = kind[1:-1].split(",")
        return isinstance(value, tuple) and len(value) == len(kinds) and all(map(fits, value, kinds))
    if kind == "address":
        return isinstance(value, str) and len(value) == 42
    if kind == "bool":
        return isinstance(value, bool)
    if kind.startswith("uint"):
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << int(kind[4:] or 256)
    if kind == "bytes32":
        return isinstance(value, bytes) and len(value) == 32
    if kind == "bytes":
        return isinstance(value, bytes)
    return kind == "string" and isinstance(value, str)
