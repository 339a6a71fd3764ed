"""Who works for the shop; GitLab's stand-in makes its accounts from this."""

from qbot.sandbox.repos import Person

PEOPLE = {
    "ana": Person("Ana Ruiz", "ana@shop.example"),
    "ben": Person("Ben Okafor", "ben@shop.example"),
    "chloe": Person("Chloe Martin", "chloe@shop.example"),
    "dan": Person("Dan Weber", "dan@shop.example"),
}
TEAM = [
    *PEOPLE.values(),
    Person("Femke de Vries", "femke@shop.example"),
    Person("Hiro Tanaka", "hiro@shop.example"),
    Person("Ivana Novák", "ivana@shop.example"),
]
