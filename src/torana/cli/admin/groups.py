"""The groups of commands: what there is, without loading any of it."""

from torana.cli.main import LazyGroup

_HERE = "torana.cli.admin"

keys = LazyGroup(
    "keys",
    {
        "create": (f"{_HERE}.keys:create", "Make a key and print it, once."),
        "list": (f"{_HERE}.keys:list_", "List keys."),
        "revoke": (f"{_HERE}.keys:revoke", "End a key at once."),
        "rotate": (f"{_HERE}.keys:rotate", "Make a key in another's place."),
        "show": (f"{_HERE}.keys:show", "Show a key."),
    },
    summary="Virtual keys, with which users and service accounts call.",
)
users = LazyGroup(
    "users",
    {
        "delete": (f"{_HERE}.people:delete_user", "Take a user away, and end the keys."),
        "list": (f"{_HERE}.people:list_users", "List users."),
        "set": (f"{_HERE}.people:set_user", "Make or change a user."),
        "show": (f"{_HERE}.people:show_user", "Show a user."),
    },
    summary="Users: their teams, their roles, and whether they are let in.",
)
service_accounts = LazyGroup(
    "service-accounts",
    {
        "delete": (f"{_HERE}.people:delete_account", "Take a service account away, and end its keys."),
        "list": (f"{_HERE}.people:list_accounts", "List service accounts."),
        "set": (f"{_HERE}.people:set_account", "Make or change a service account."),
        "show": (f"{_HERE}.people:show_account", "Show a service account."),
    },
    summary="Service accounts: programs that call in their own name.",
)
teams = LazyGroup(
    "teams",
    {
        "add": (f"{_HERE}.teams:add", "Let somebody into a team."),
        "delete": (f"{_HERE}.teams:delete", "Take a team away."),
        "list": (f"{_HERE}.teams:list_", "List teams."),
        "remove": (f"{_HERE}.teams:remove", "Take somebody out of a team."),
        "set": (f"{_HERE}.teams:set_", "Make or change a team."),
        "show": (f"{_HERE}.teams:show", "Show a team and who is in it."),
    },
    summary="Teams, which grants, limits and budgets can name.",
)
grants = LazyGroup(
    "grants",
    {
        "delete": (f"{_HERE}.rules:delete_grant", "Take a grant away."),
        "list": (f"{_HERE}.rules:list_grants", "List grants."),
        "set": (f"{_HERE}.rules:set_grant", "Make or change a grant."),
        "show": (f"{_HERE}.rules:show_grant", "Show a grant."),
    },
    summary="Grants: who may use which models.",
)
limits = LazyGroup(
    "limits",
    {
        "delete": (f"{_HERE}.rules:delete_limit", "Take a limit away."),
        "list": (f"{_HERE}.rules:list_limits", "List limits."),
        "set": (f"{_HERE}.rules:set_limit", "Make or change a limit."),
        "show": (f"{_HERE}.rules:show_limit", "Show a limit."),
    },
    summary="Limits: how much is let through in a while.",
)
budgets = LazyGroup(
    "budgets",
    {
        "delete": (f"{_HERE}.rules:delete_budget", "Take a budget away."),
        "list": (f"{_HERE}.rules:list_budgets", "List budgets."),
        "set": (f"{_HERE}.rules:set_budget", "Make or change a budget."),
        "show": (f"{_HERE}.rules:show_budget", "Show a budget."),
        "spend": (f"{_HERE}.rules:spend", "Show what a budget has been charged."),
    },
    summary="Budgets: how much money may be spent.",
)
