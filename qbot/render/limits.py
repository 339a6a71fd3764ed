"""Slack's limits on what a message or view may hold; where documents disagree, the smaller.

Sources: docs.slack.dev/reference/block-kit (blocks, block elements, composition objects, views)
and the errors of chat.postMessage and chat.update. Numbers are characters unless said otherwise.
"""

from typing import Final

# Messages and views
TEXT: Final = 4_000  # chat.update refuses more (msg_too_long)
MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
MESSAGE_TEXT: Final = 12_000  # all blocks together (msg_blocks_too_long; not published)
PRIVATE_METADATA: Final = 3_000
VIEW_TITLE: Final = 24  # also submit and close

# Blocks
SECTION: Final = 3_000
FIELD: Final = 2_000
FIELDS: Final = 10  # items
HEADER: Final = 150
CONTEXT: Final = 10  # items
ACTIONS: Final = 25  # items
ALT: Final = 1_000  # of an image; an uploaded file takes no more, a block twice as many
LABEL: Final = 2_000  # of an input, and its hint
ID: Final = 255  # action_id, block_id, callback_id

# Elements
BUTTON: Final = 75
BUTTON_VALUE: Final = 2_000
URL: Final = 3_000
OPTION: Final = 75  # text and description
OPTION_VALUE: Final = 150
OPTIONS: Final = 100  # items
PLACEHOLDER: Final = 150

# Confirmation dialog
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30
