// khtml URL PICTURE: a window of KHTML, the engine of Konqueror from which WebKit came.

#include <KHTMLPart>
#include <KHTMLView>
#include <KParts/OpenUrlArguments>
#include <QApplication>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPixmap>
#include <QTimer>
#include <QUrl>
#include <cstdio>
#include <dom/html_document.h>
#include <dom/html_element.h>

static void say(const QJsonObject &what) {
  printf("%s\n", QJsonDocument(what).toJson(QJsonDocument::Compact).constData());
  fflush(stdout);
}

int main(int count, char **arguments) {
  QApplication app(count, arguments);
  app.setQuitLockEnabled(false);
  const QUrl url(QString::fromUtf8(arguments[1]));
  const QString picture = QString::fromUtf8(arguments[2]);
  QString title;
  KHTMLPart part;
  part.view()->resize(800, 480);
  part.view()->show();
  part.setJScriptEnabled(true);
  part.setMetaRefreshEnabled(true);
  part.setOnlyLocalReferences(false);
  QObject::connect(&part, &KParts::Part::setWindowCaption, [&](const QString &caption) { title = caption; });
  // A link or a refresh is a wish to its window, which is ours.
  QObject::connect(part.browserExtension(), &KParts::BrowserExtension::openUrlRequest,
                   [&](const QUrl &next, const KParts::OpenUrlArguments &, const KParts::BrowserArguments &) { part.openUrl(next); });
  part.openUrl(url);
  QTimer timer;
  QObject::connect(&timer, &QTimer::timeout, [&] {
    const DOM::HTMLElement body = part.htmlDocument().isNull() ? DOM::HTMLElement() : part.htmlDocument().body();
    say({{"title", title}, {"text", body.isNull() ? QString() : body.innerText().string()}});
    if (QFile::exists(picture + ".wanted")) {
      part.view()->grab().save(picture);
      app.quit();
    }
  });
  timer.start(1000);
  return app.exec();
}
