"""Frozen dataclasses that are made without compiling code: a third of a plan's start-up, saved.

`dataclasses.dataclass` writes and compiles six methods a class; more than a hundred classes are made before a plan is
out. Here the methods are shared functions over the class's fields, so that making a class costs a tenth. Instances
take about twice as long to make, which shows only where there are very many: such classes keep the standard decorator.
For type checkers, `dataclasses.replace`, `fields` and pickling nothing differs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    _MISSING = dataclasses.MISSING

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, kw_only: bool = False) -> Any:
        """As `dataclasses.dataclass(frozen=True)`; that is the only kind there is."""
        if not frozen:
            raise TypeError("records are frozen: write @dataclass(frozen=True)")
        return (lambda made: _record(made, kw_only)) if cls is None else _record(cls, kw_only)

    def _record(cls: type, kw_only: bool) -> type:
        dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)
        fields = dataclasses.fields(cls)  # class variables are none
        plan = [(f.name, f.default, f.default_factory) for f in fields if f.init]
        placed = [f.name for f in fields if f.init and not f.kw_only]
        cls.__init__ = _initializer(cls.__name__, plan, placed, hasattr(cls, "__post_init__"))
        compared = tuple(f.name for f in fields if f.compare)
        shown = tuple(f.name for f in fields if f.repr)
        _unless_own(cls, "__eq__", lambda a, b: _values(a, compared) == _values(b, compared)
                    if a.__class__ is b.__class__ else NotImplemented)  # fmt: skip
        if "__hash__" not in cls.__dict__ or cls.__dict__["__hash__"] is None:
            cls.__hash__ = lambda self: hash(_values(self, compared))
        _unless_own(cls, "__repr__", lambda self: f"{self.__class__.__qualname__}({_shown(self, shown)})")
        _unless_own(cls, "__setattr__", _refuse)
        _unless_own(cls, "__delattr__", _refuse)
        cls.__match_args__ = tuple(placed)
        return cls

    def _initializer(name: str, plan: list[Any], placed: list[str], has_more: bool) -> Any:
        names = {field for field, _, _ in plan}

        def __init__(self: Any, *args: Any, **given: Any) -> None:
            if len(args) > len(placed):
                raise TypeError(f"{name}() takes {len(placed)} positional arguments, {len(args)} were given")
            values = dict(zip(placed, args, strict=False))
            if given:
                if wrong := given.keys() - names or given.keys() & values.keys():
                    raise TypeError(f"{name}() got an unexpected or repeated argument {sorted(wrong)[0]!r}")
                values.update(given)
            own = self.__dict__
            for field, default, factory in plan:
                if field in values:
                    own[field] = values[field]
                elif default is not _MISSING:
                    own[field] = default
                elif factory is not _MISSING:
                    own[field] = factory()
                else:
                    raise TypeError(f"{name}() misses the argument {field!r}")
            if has_more:
                self.__post_init__()

        return __init__

    def _values(record: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
        return tuple(getattr(record, name) for name in names)

    def _shown(record: Any, names: tuple[str, ...]) -> str:
        return ", ".join(f"{name}={getattr(record, name)!r}" for name in names)

    def _refuse(record: Any, name: str, *value: Any) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to or delete field {name!r}")

    def _unless_own(cls: type, name: str, method: Any) -> None:
        if name not in cls.__dict__:
            setattr(cls, name, method)


__all__ = ["dataclass"]
