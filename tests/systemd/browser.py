"""A real page in Chromium across a restart."""


def checks():
    return []
