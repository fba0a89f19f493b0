"""The ledger's rules once more, in plain Python without a database, for the state machine to compare with."""

from dataclasses import dataclass, field
from itertools import count

NEVER = 10**9
REVIVED_HOURS = 30 * 24
RANKS = {"bonus": 0, "base": 1, "purchased": 2}


@dataclass(eq=False)
class Pot:
    """A grant. Time is in hours since the start."""

    number: int
    source: str
    left: int
    ends: int = NEVER
    held: int = 0

    @property
    def burns(self):
        return (self.ends, RANKS[self.source], self.number)


@dataclass(eq=False)
class Charge:
    """What a charge took, part by part, and how much of each part went back."""

    parts: list[tuple[Pot, int]]
    back: dict[Pot, int] = field(default_factory=dict)

    @property
    def amount(self):
        return sum(taken for _, taken in self.parts)

    @property
    def refundable(self):
        return self.amount - sum(self.back.values())


@dataclass(eq=False)
class Reserve:
    """A hold."""

    parts: list[tuple[Pot, int]]
    ends: int
    status: str = "active"
    captured: int = 0
    last: int | None = None

    @property
    def left(self):
        return sum(part for _, part in self.parts)


class Book:
    """One person's wallet: sixty credits to begin with."""

    def __init__(self):
        self.hour = 0
        self.numbers = count()
        self.pots: list[Pot] = []
        self.reserves: list[Reserve] = []
        self.give("base", 50)
        self.give("bonus", 10)

    @property
    def balance(self):
        return sum(pot.left for pot in self.pots)

    @property
    def held(self):
        return sum(pot.held for pot in self.pots)

    @property
    def available(self):
        return self.balance - self.held

    def give(self, source, amount, ends=NEVER):
        self.pots.append(Pot(next(self.numbers), source, amount, ends))

    def wait(self, hours):
        self.hour += hours
        for reserve in self.reserves:
            if reserve.status == "active" and reserve.ends <= self.hour:
                self.close(reserve, "expired")
        self.forget_expired()

    def forget_expired(self):
        for pot in self.pots:
            if pot.ends <= self.hour:
                pot.left = pot.held

    def pick(self, amount):
        """The parts that pay `amount`, or None when there is too little."""
        if amount > self.available:
            return None
        parts = []
        for pot in sorted(self.pots, key=lambda pot: pot.burns):
            part = min(amount, pot.left - pot.held)
            if part:
                parts.append((pot, part))
                amount -= part
        return parts

    def charge(self, amount):
        parts = self.pick(amount)
        if parts is None:
            return None
        for pot, part in parts:
            pot.left -= part
        return Charge(parts)

    def reserve(self, amount, hours):
        parts = self.pick(amount)
        if parts is None:
            return None
        for pot, part in parts:
            pot.held += part
        self.reserves.append(Reserve(parts, self.hour + hours))
        return self.reserves[-1]

    def capture(self, reserve, amount, final):
        """The charge. The caller has looked whether the reserve is active and large enough."""
        taken, rest, wanted = [], [], amount
        for pot, part in reserve.parts:
            take = min(wanted, part)
            wanted -= take
            pot.left -= take
            pot.held -= take
            taken += [(pot, take)] if take else []
            rest += [(pot, part - take)] if part - take else []
        reserve.parts, reserve.last = rest, amount
        reserve.captured += amount
        if final or not rest:
            self.close(reserve, "captured")
        return Charge(taken)

    def close(self, reserve, status):
        for pot, part in reserve.parts:
            pot.held -= part
        reserve.parts, reserve.status = [], status
        self.forget_expired()

    def refund(self, charge, amount):
        for pot, taken in reversed(charge.parts):
            part = min(amount, taken - charge.back.get(pot, 0))
            if part:
                charge.back[pot] = charge.back.get(pot, 0) + part
                pot.left += part
                pot.ends = self.hour + REVIVED_HOURS if pot.ends <= self.hour else pot.ends
                amount -= part
