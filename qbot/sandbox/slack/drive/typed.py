"""What becomes of a line that somebody typed into Slack's message box.

People, channels, groups and links turn into `<@U1|ben>`, `<#C1|general>`,
`<!subteam^S1|@group>` and `<https://...>`
(https://docs.slack.dev/messaging/formatting-message-text/).
"""

import re

from qbot.sandbox.slack.world import World

WORD = re.compile(r"(?<!\S)([@#])([\w.-]+)")
LINK = re.compile(r"(?<![\S])(https?://\S+)")


def escaped(world: World, line: str, *, labels: bool = True) -> str:
    """The line as apps receive it; in messages, people have no `labels`."""
    text = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = LINK.sub(r"<\1>", text)

    def resolve(match: re.Match[str]) -> str:
        sign, name = match.groups()
        if sign == "#":
            channel = world.channel(name)
            return f"<#{channel.id}|{channel.name}>" if channel else match[0]
        if (user := world.user(name)) is not None:
            return f"<@{user.id}|{user.name}>" if labels else f"<@{user.id}>"
        for group in world.groups.values():
            if group.handle == name:
                return f"<!subteam^{group.id}|@{group.handle}>"
        return match[0]

    return WORD.sub(resolve, text)
