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
RESTORE: Final = "env_restore"  # of one that was deleted, or is missing in Argo CD
ORPHANS: Final = "env_orphans"  # no value
ORPHANS_DELETE: Final = "env_orphans_delete"  # no value
SHOW: Final = "env_show"
SYNC: Final = "env_sync"
PIN: Final = "env_pin"
UNPIN: Final = "env_unpin"
EXTEND: Final = "env_extend"  # a menu; value: `ENV:4h` or `ENV:merge`
TERM: Final = "env_term"  # the menu of a card; value: `extend:ENV:4h`, `pin:ENV` or `unpin:ENV`

# Of the reaper
REAPER_KEEP: Final = "env_reaper_keep"  # value: an environment id
REAPER_GO: Final = "env_reaper_go"  # value: the question's id, and of the next one too
REAPER_NO_GO: Final = "env_reaper_no_go"
REAPER_PLAN: Final = "env_reaper_plan"  # no value

# In the details view; the view's private_metadata holds the operation id
DETAILS_REFRESH: Final = "env_details_refresh"  # value: the page to show, counted from 0
DETAILS_BACK: Final = "env_details_page_back"  # value: as above
DETAILS_ON: Final = "env_details_page_on"  # value: as above

# In lists and the overview
LIST_BACK: Final = "env_list_page_back"  # value: see qbot.render.listing.Page
LIST_ON: Final = "env_list_page_on"  # value: as above
HISTORY_BACK: Final = "env_history_page_back"  # value: see qbot.render.history.Turn
HISTORY_ON: Final = "env_history_page_on"  # value: as above
CREATE_FORM: Final = "env_create_form"  # no value
DELETE_FORM: Final = "env_delete_form"  # no value
LIST: Final = "env_list"  # no value: everything that lives
HELP: Final = "env_help"  # no value

# On the card of a promotion or a rollback. Value: `P-12`; of the first two `P-12:` and the first
# 16 digits of the digest that the card shows, so that a press on an outdated copy is told apart
APPROVE: Final = "env_promo_approve"
REJECT: Final = "env_promo_reject"  # opens the form that asks for a reason
PROMO_DETAILS: Final = "env_promo_details"
PROMO_DIFF: Final = "env_promo_diff"
PROMO_RETRY: Final = "env_promo_retry"
PROMO_ROLLBACK: Final = "env_promo_rollback"  # to what was there before it
PROMO_ABANDON: Final = "env_promo_abandon"
PROMO_WITHDRAW: Final = "env_promo_withdraw"
MERGE_REQUEST: Final = "env_promo_merge_request"  # a link

# In the details of a promotion; the view's private_metadata holds `P-12`; values as in Details
PROMO_DETAILS_REFRESH: Final = "env_promo_details_refresh"
PROMO_DETAILS_BACK: Final = "env_promo_details_page_back"
PROMO_DETAILS_ON: Final = "env_promo_details_page_on"

# In answers about stages
ROLLBACK_TO: Final = "env_promo_rollback_to"  # value: `P-11`: back to what was there after it
SHOW_PLACE: Final = "env_show_place"  # value: a stage's name
TELL_FREE: Final = "env_lock_tell"  # value: the scope of the lock that is waited for

# Views
DETAILS_VIEW: Final = "env_details_view"
ANSWER_VIEW: Final = "env_answer_view"  # nothing in its private_metadata
CREATE_SUBMIT: Final = "env_create_submit"
DELETE_SUBMIT: Final = "env_delete_submit"
REJECT_SUBMIT: Final = "env_promo_reject_submit"  # private_metadata: the pressed button's value
BREAK_GLASS_SUBMIT: Final = "env_promo_break_glass_submit"
EXCEPTION_SUBMIT: Final = "env_promo_exception_submit"  # why a rollback may pass a freeze
PROMO_DETAILS_VIEW: Final = "env_promo_details_view"
PROMO_DIFF_VIEW: Final = "env_promo_diff_view"

# Inputs of the forms: action id; its block id is the same text
BRANCH_INPUT: Final = "env_branch"
SERVICES_INPUT: Final = "env_services"
SET_INPUT: Final = "env_set"  # `svc=ref`, one a line
FROM_INPUT: Final = "env_from"
TTL_INPUT: Final = "env_ttl"
DRY_RUN_INPUT: Final = "env_dry_run"
ENVIRONMENT_INPUT: Final = "env_environment"
REASON_INPUT: Final = "env_reason"  # why something is rejected
EMERGENCY_INPUT: Final = "env_emergency_reason"
