#!/usr/bin/env python3
"""Each C++ snippet of a page stands, to the letter, in the file named above it, which is built.

snippets_test.py PAGE FILE...
"""
import pathlib
import re
import sys
import unittest

PAGE, FILES = pathlib.Path(sys.argv[1]), sys.argv[2:]
_SNIPPET = re.compile(r"(?:<!-- (\S+) -->\n)?```cpp\n(.*?)```", re.DOTALL)


class SnippetsTest(unittest.TestCase):
    def test_each_snippet_is_part_of_its_file(self):
        snippets = _SNIPPET.findall(PAGE.read_text(encoding="utf-8"))
        self.assertTrue(snippets, f"{PAGE} has no snippet in C++")
        for path, snippet in snippets:
            self.assertIn(path, FILES, f"no file is named above, or it is not built:\n{snippet}")
            self.assertIn(snippet, pathlib.Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
