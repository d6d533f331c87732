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

    def _files(self, name):
        """The sources of a package, without those of the packages in its folder."""
        folder = self.folders[name]
        inner = [other for other in self.folders.values() if folder in other.parents]
        for path in sorted(folder.rglob("*")):
            ours = path.relative_to(folder).parts
            is_source = name != "datecast-tests" or path.suffix in (".rs", ".toml")
            if path.is_file() and is_source and not any(part in ("target", "node_modules", "planted") for part in ours):
                if not any(other in path.parents for other in inner):
                    yield path

    @cache
    def _digest(self, name, with_tests):
        digest = hashlib.sha256()
        for path in self._files(name):
            content = path.read_bytes()
            if not with_tests and path.suffix == ".rs":
                if name != "datecast-tests" and ({"tests", "tests.rs"} & set(path.relative_to(self.folders[name]).parts)):
                    continue
                content = content.partition(b"\n#[cfg(test)]\nmod tests {")[0]
            digest.update(str(path.relative_to(self.root)).encode() + b"\0" + content)
        return digest.digest()

    def digest(self, names):
        """Of the sources of these packages, and of what they need: of that without its tests."""
        digest = hashlib.sha256((self.root / "Cargo.lock").read_bytes())
        for name in sorted(self.with_dependencies(names)):
            digest.update(self._digest(name, name in names))
        return digest.hexdigest()
