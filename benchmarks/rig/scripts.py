"""For tests of scripts: loads one that has no .py in its name as a module."""
import importlib.machinery
import importlib.util
import os
import sys


def load(path):
    """The module of the script at `path` of the workspace, with what lies beside it in reach."""
    # Side by side, in the workspace as in the runfiles; a link must not be followed.
    path = os.path.join(os.getcwd(), path)
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.basename(path)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module
