"""Ids of buttons, inputs and views: what the renderers write and the listeners read.

A button's value holds an operation id unless said otherwise, never a right: who presses is
checked when it is pressed.
"""

from typing import Final

# On a card
DETAILS: Final = "env_details"
RETRY: Final = "env_retry"
CANCEL: Final = "env_cancel"
RESUME: Final = "env_resume"
OPEN: Final = "env_open"  # a link: Slack still tells of the press
ARGOCD: Final = "env_argocd"  # a link
PIPELINE: Final = "env_pipeline"  # a link

# Value: an environment id
DELETE: Final = "env_delete"  # after the button's own question
DELETE_CONFIRM: Final = "env_delete_confirm"  # in the answer to a typed `delete`
KEEP: Final = "env_keep"  # closes that answer; no value
SHOW: Final = "env_show"

# In the details view; the view's private_metadata holds the operation id
DETAILS_REFRESH: Final = "env_details_refresh"  # value: the page to show, counted from 0
DETAILS_BACK: Final = "env_details_page_back"  # value: as above
DETAILS_ON: Final = "env_details_page_on"  # value: as above

# In lists and the overview
LIST_BACK: Final = "env_list_page_back"  # value: see qbot.render.listing.Page
LIST_ON: Final = "env_list_page_on"  # value: as above
CREATE_FORM: Final = "env_create_form"  # no value
DELETE_FORM: Final = "env_delete_form"  # no value
LIST: Final = "env_list"  # no value: everything that lives
HELP: Final = "env_help"  # no value

# Views
DETAILS_VIEW: Final = "env_details_view"
CREATE_SUBMIT: Final = "env_create_submit"
DELETE_SUBMIT: Final = "env_delete_submit"

# Inputs of the forms: action id; its block id is the same text
BRANCH_INPUT: Final = "env_branch"
SERVICES_INPUT: Final = "env_services"
FROM_INPUT: Final = "env_from"
TTL_INPUT: Final = "env_ttl"
DRY_RUN_INPUT: Final = "env_dry_run"
ENVIRONMENT_INPUT: Final = "env_environment"
