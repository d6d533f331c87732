"""webkitgtk.py URL PICTURE: WebKitGTK, as surf and other small browsers of Debian have it; on a display of its own."""

import json
import os
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402

SHOWN = "JSON.stringify({ title: document.title, text: document.body ? document.body.innerText : '' })"


def say(**what):
    print(json.dumps(what), flush=True)


def evaluated(view, result):
    try:
        print(view.evaluate_javascript_finish(result).to_string(), flush=True)
    except GLib.Error as error:
        say(error=error.message)


def saved(view, result):
    view.get_snapshot_finish(result).write_to_png(picture)
    Gtk.main_quit()


def look():
    view.evaluate_javascript(SHOWN, -1, None, None, None, evaluated)
    if os.path.exists(picture + ".wanted"):
        view.get_snapshot(WebKit2.SnapshotRegion.VISIBLE, WebKit2.SnapshotOptions.NONE, None, saved)
        return False
    return True


url, picture = sys.argv[1:]
window = Gtk.Window(default_width=800, default_height=480)
view = WebKit2.WebView()
window.add(view)
window.show_all()
say(agent=view.get_settings().get_user_agent(), version="%d.%d" % (WebKit2.get_major_version(), WebKit2.get_minor_version()))
view.load_uri(url)
GLib.timeout_add(1000, look)
Gtk.main()
