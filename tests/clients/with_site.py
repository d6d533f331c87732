"""with_site.py LIBRARIES PROGRAM [ARGUMENT...]: runs a Python program with `pip install --target LIBRARIES` in reach.

PYTHONPATH would not do: zope is a namespace package that needs its .pth file read."""
import os
import site
import sys

libraries, program = sys.argv[1:3]
sys.path.insert(0, libraries)
site.addsitedir(libraries)
sys.path.insert(0, os.path.dirname(program))
sys.argv = sys.argv[2:]
exec(compile(open(program).read(), program, "exec"))
