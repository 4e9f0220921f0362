from __future__ import annotations

import ast
import importlib
import inspect
import typing
import unittest
from pathlib import Path

import sessiond
from sessiond import errors, types

ROOT = Path(__file__).parent.parent


class Types(unittest.TestCase):
    def test_every_hint_can_be_looked_up(self) -> None:
        looked_up = 0
        for file in sorted((ROOT / "sessiond").glob("*.py")):
            module = importlib.import_module("sessiond" if file.stem == "__init__" else f"sessiond.{file.stem}")
            for value in vars(module).values():
                if getattr(value, "__module__", None) != module.__name__ or not (inspect.isclass(value) or inspect.isfunction(value)):
                    continue
                typing.get_type_hints(value)
                looked_up += 1
                for member in vars(value).values() if inspect.isclass(value) else ():
                    if isinstance(member, property):
                        member = member.fget
                    if inspect.isfunction(member):
                        typing.get_type_hints(member)
                        looked_up += 1
        self.assertGreater(looked_up, 120)

    def test_everything_has_hints(self) -> None:
        for file in [*(ROOT / "sessiond").glob("*.py"), *(ROOT / "examples").glob("*.py")]:
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                    bare = [a.arg for a in arguments if a.annotation is None and a.arg != "self"]
                    self.assertFalse(bare or node.returns is None, f"{file.name}: {node.name} {bare}")

    def test_what_is_public_is_documented(self) -> None:
        for name in sessiond.__all__:
            self.assertTrue(inspect.getdoc(getattr(sessiond, name)), name)
        for name, member in vars(sessiond.Client).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                self.assertTrue(member.__doc__, name)

    def test_every_reason_has_an_exception(self) -> None:
        self.assertEqual(set(errors.BY_REASON), set(typing.get_args(types.Reason)))
        for reason, error in errors.BY_REASON.items():
            self.assertTrue(issubclass(error, sessiond.SessiondError))
            self.assertEqual(error.reason, reason)

    def test_every_event_type_has_a_type(self) -> None:
        of_events = [typing.get_args(typing.get_type_hints(e)["type"])[0] for e in typing.get_args(types.Event)]
        self.assertEqual(of_events, list(typing.get_args(types.EventType)))
