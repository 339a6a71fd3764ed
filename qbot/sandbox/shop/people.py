"""Who works for the shop; GitLab's stand-in makes its accounts from this."""

from qbot.sandbox.repos import Person

PEOPLE = {
    "ana": Person("Ana Costa", "ana@shop.example"),
    "ben": Person("Ben Okafor", "ben@shop.example"),
    "chloe": Person("Chloe Martin", "chloe@shop.example"),
    "dan": Person("Dan Ito", "dan@shop.example"),
}
# Who shows no e-mail address on GitLab is not in PEOPLE.
ACCOUNTS = PEOPLE | {"femke": Person("Femke de Vries", "femke@shop.example")}
TEAM = [
    *ACCOUNTS.values(),
    Person("Hiro Tanaka", "hiro@shop.example"),
    Person("Ivana Novák", "ivana@shop.example"),
]
