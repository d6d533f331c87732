"""qtwebengine.py URL PICTURE: the Chromium that a wheel of PyQt5 holds; also by CPython 3.6."""

import json
import os
import sys

os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")
os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--no-sandbox --disable-gpu")

from PyQt5.QtCore import QTimer, QUrl
from PyQt5.QtWebEngineWidgets import QWebEnginePage, QWebEngineView
from PyQt5.QtWidgets import QApplication


def say(**what):
    print(json.dumps(what), flush=True)


class Page(QWebEnginePage):
    def javaScriptConsoleMessage(self, level, message, line, source):
        say(console="%s (%s:%s)" % (message, source, line))


def look():
    page.toPlainText(lambda text: say(title=page.title(), text=text))
    if os.path.exists(picture + ".wanted"):
        view.grab().save(picture)
        # Chromium of this age does not always survive an orderly end.
        os._exit(0)


url, picture = sys.argv[1:]
app = QApplication(sys.argv[:1])
view = QWebEngineView()
page = Page(view)
view.setPage(page)
view.resize(800, 480)
say(agent=page.profile().httpUserAgent())
view.load(QUrl(url))
view.show()
timer = QTimer()
timer.timeout.connect(look)
timer.start(1000)
app.exec_()
