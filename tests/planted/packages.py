"""The packages of the workspace: where each is, and which others it needs."""

import hashlib
import tomllib
from functools import cache


class Packages:
    def __init__(self, root):
        self.root = root
        members = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["members"]
        self.folders, self.manifests = {}, {}
        for member in members:
            manifest = tomllib.loads((root / member / "Cargo.toml").read_text())
            name = manifest["package"]["name"]
            self.folders[name], self.manifests[name] = root / member, manifest

    def with_dependencies(self, names):
        """These packages and all of ours that they need, for their tests, too."""
        found, todo = set(), list(names)
        while todo:
            name = todo.pop()
            if name in found:
                continue
            found.add(name)
            manifest = self.manifests[name]
            needed = {**manifest.get("dependencies", {}), **manifest.get("dev-dependencies", {})}
            todo += [other for other in needed if other in self.folders]
        return found

    @cache
    def _digest(self, name):
        digest = hashlib.sha256()
        inner = [folder for folder in self.folders.values() if self.folders[name] in folder.parents]
        for path in sorted(self.folders[name].rglob("*")):
            if path.is_file() and path.suffix != ".patch" and not any(folder in path.parents for folder in inner):
                if "target" not in path.parts[len(self.root.parts):] and "node_modules" not in path.parts:
                    if name != "datecast-tests" or path.suffix in (".rs", ".toml"):
                        digest.update(str(path.relative_to(self.root)).encode() + b"\0" + path.read_bytes())
        return digest.digest()

    def digest(self, names):
        """Of the sources of these packages and of what they need."""
        digest = hashlib.sha256((self.root / "Cargo.lock").read_bytes())
        for name in sorted(self.with_dependencies(names)):
            digest.update(self._digest(name))
        return digest.hexdigest()
