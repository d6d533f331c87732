"""How evenly connections come to the workers: a listener each, or one shared."""


def checks():
    return []
