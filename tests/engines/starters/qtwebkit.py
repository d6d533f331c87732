"""qtwebkit.py URL PICTURE: QtWebKit, as Debian's python3-pyqt5.qtwebkit brings it."""

import json
import os
import sys

from PyQt5.QtCore import QTimer, QUrl
from PyQt5.QtWebKit import QWebSettings
from PyQt5.QtWebKitWidgets import QWebPage, QWebView
from PyQt5.QtWidgets import QApplication


def say(**what):
    print(json.dumps(what), flush=True)


class Page(QWebPage):
    def javaScriptConsoleMessage(self, message, line, source):
        say(console="%s (%s:%s)" % (message, source, line))


def look():
    frame = page.mainFrame()
    say(title=frame.title(), text=frame.toPlainText())
    if os.path.exists(picture + ".wanted"):
        view.grab().save(picture)
        app.quit()


url, picture = sys.argv[1:]
app = QApplication(sys.argv[:1])
view = QWebView()
page = Page(view)
view.setPage(page)
view.resize(800, 480)
QWebSettings.globalSettings().setAttribute(QWebSettings.LocalStorageEnabled, True)
view.load(QUrl(url))
view.show()
timer = QTimer()
timer.timeout.connect(look)
timer.start(1000)
app.exec_()
