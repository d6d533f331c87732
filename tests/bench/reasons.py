"""Why a target is missed, by the name of its case: what the profile says, in a sentence or two. The page has it under the table, and only
where the target is missed."""

REASONS = {}
