"""The ledger's rules once more, in plain Python without a database, for the state machine to compare with."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import count

NEVER = 10**9
REVIVED_HOURS = 30 * 24
RANKS = {"bonus": 0, "base": 1, "adjustment": 1, "purchased": 2}


@dataclass(eq=False)
class Pot:
    """A grant. Time is in hours since the start."""

    number: int
    source: str
    left: int
    ends: int = NEVER
    priority: int = 100
    held: int = 0

    @property
    def burns(self):
        return (self.priority, self.ends, RANKS[self.source], self.number)


@dataclass(eq=False)
class Charge:
    """What a charge took, part by part, and how much of each part went back."""

    parts: list[tuple[Pot, int]]
    back: dict[Pot, int] = field(default_factory=dict)
    made_good: int = 0

    @property
    def amount(self):
        return sum(taken for _, taken in self.parts)

    @property
    def refundable(self):
        return self.amount - sum(self.back.values()) - self.made_good


@dataclass(eq=False)
class Reserve:
    """A hold."""

    parts: list[tuple[Pot, int]]
    ends: int
    bytes: int
    amount: int
    status: str = "active"
    captured: int = 0
    last: int | None = None

    @property
    def left(self):
        return sum(part for _, part in self.parts)

    def agrees(self, amount, final):
        """Whether this capture says again what the last one did."""
        return self.status == "captured" and amount == self.last and (final or self.captured == self.amount)


class Book:
    """One person's wallet: sixty credits to begin with, and an app that may be capped."""

    def __init__(self):
        self.hour = 0
        self.numbers = count()
        self.pots: list[Pot] = []
        self.reserves: list[Reserve] = []
        self.spent: Counter[int] = Counter()
        self.keys: dict[int, tuple[int, Charge | str]] = {}
        self.cap: int | None = None
        self.mark = 10
        self.notices = 0
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

    @property
    def day(self):
        return self.hour // 24

    @property
    def spent_today(self):
        """What the app charged today less what it gave back today, and what it holds."""
        holding = sum(reserve.left for reserve in self.reserves if reserve.status == "active")
        return max(0, self.spent[self.day]) + holding

    @property
    def reserved_bytes(self):
        return sum(reserve.bytes for reserve in self.reserves if reserve.status == "active")

    def refusal_of(self, amount):
        """Why the app may not take or set aside `amount`, if so."""
        if self.cap is not None and self.spent_today + amount > self.cap:
            return "cap"
        return "short" if amount > self.available else None

    def fall(self, amount):
        """Note that the balance has just fallen by `amount`."""
        self.notices += self.mark > 0 and self.balance <= self.mark < self.balance + amount

    def give(self, source, amount, ends=NEVER, priority=100):
        self.pots.append(Pot(next(self.numbers), source, amount, ends, priority))

    def wait(self, hours):
        self.hour += hours
        for reserve in self.reserves:
            if reserve.status == "active" and reserve.ends <= self.hour:
                self.close(reserve, "expired")
        self.forget_expired()

    def forget_expired(self):
        for pot in self.pots:
            if pot.ends <= self.hour:
                lost, pot.left = pot.left - pot.held, pot.held
                self.fall(lost)

    def pick(self, amount):
        """The parts that pay `amount`, which is there."""
        parts = []
        for pot in sorted(self.pots, key=lambda pot: pot.burns):
            part = min(amount, pot.left - pot.held)
            if part:
                parts.append((pot, part))
                amount -= part
        return parts

    def take(self, amount):
        parts = self.pick(amount)
        for pot, part in parts:
            pot.left -= part
        self.fall(amount)
        return Charge(parts)

    def charge(self, amount):
        self.spent[self.day] += amount
        return self.take(amount)

    def answer(self, key, amount):
        """What a charge of a batch is answered: a charge or why not, and whether the key had been answered before."""
        if key in self.keys:
            first, outcome = self.keys[key]
            return (outcome, True) if first == amount else ("reused", False)
        outcome = self.refusal_of(amount) or self.charge(amount)
        if outcome != "cap":
            self.keys[key] = amount, outcome
        return outcome, False

    def reserve(self, amount, hours, size):
        parts = self.pick(amount)
        for pot, part in parts:
            pot.held += part
        self.reserves.append(Reserve(parts, self.hour + hours, size, amount))
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
        self.spent[self.day] += amount
        self.fall(amount)
        if final or not rest:
            self.close(reserve, "captured")
        return Charge(taken)

    def close(self, reserve, status):
        for pot, part in reserve.parts:
            pot.held -= part
        reserve.parts, reserve.status = [], status
        self.forget_expired()

    def refund(self, charge, amount):
        self.spent[self.day] -= amount
        for pot, taken in reversed(charge.parts):
            part = min(amount, taken - charge.back.get(pot, 0))
            if part:
                charge.back[pot] = charge.back.get(pot, 0) + part
                pot.left += part
                pot.ends = self.hour + REVIVED_HOURS if pot.ends <= self.hour else pot.ends
                amount -= part
