"""An unpickler that cannot run anything, for ``.ckpt``, ``.pt`` and ``.bin`` files.

A pickle is a program: it names functions of Python and calls them. This one looks up every name by itself and
hands out only what is defined below: plain dictionaries, records that say where a tensor lies, and stand-ins
that ignore whatever is done to them. Names that only an attack has a use for are refused outright.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import IO, Any, Final, NoReturn

import torch

from sdjp.weights.files.faults import FILE, Fault
from sdjp.weights.files.pickle_scan import MAX_NAME, too_large

MAX_DIMENSIONS: Final = 16
"""Of a tensor; weights have five at most."""
MAX_SIZE: Final = 2**40
"""Of one dimension of a tensor."""
STORAGES: Final = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
DTYPES: Final = {
    name: getattr(torch, name)
    for name in ("float8_e4m3fn", "float8_e5m2", "float32", "float16", "bfloat16", "float64")
}
"""Those that tensors without a storage type of their own name."""

# Modules that start programs, run code, open connections or load further modules. Refusing them only makes an
# attack plain: what is not listed is a stand-in that does nothing.
DANGEROUS_MODULES: Final = frozenset({
    "os", "posix", "nt", "sys", "subprocess", "_posixsubprocess", "pty", "shutil", "commands", "popen2",
    "signal", "ctypes", "_ctypes", "cffi", "importlib", "imp", "runpy", "pkgutil", "zipimport", "pip",
    "ensurepip", "venv", "distutils", "setuptools", "operator", "_operator", "code", "codeop",
    "marshal", "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "socket",
    "_socket", "socketserver", "http", "httplib", "urllib", "urllib2", "requests", "httpx", "aiohttp",
    "ftplib", "smtplib", "telnetlib", "xmlrpc", "webbrowser", "asyncio", "multiprocessing", "threading",
    "_thread", "timeit", "pdb", "bdb", "trace", "profile", "cProfile", "pydoc", "doctest",
})  # fmt: skip
_BUILTINS: Final = frozenset({
    "eval", "exec", "execfile", "compile", "__import__", "open", "file", "input", "raw_input",
    "breakpoint", "globals", "locals", "vars", "getattr", "setattr", "delattr", "apply", "reload",
    "exit", "quit",
})  # fmt: skip
DANGEROUS_NAMES: Final = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,
    "types": frozenset({"CodeType", "FunctionType", "LambdaType", "MethodType", "new_class"}),
    "torch": frozenset({"load", "save"}),
    "torch.serialization": frozenset({"load", "save"}),
    "numpy": frozenset({"load", "fromfile", "memmap"}),
}
DANGEROUS_PREFIXES: Final = (
    "torch.hub",
    "torch.jit",
    "torch.utils.cpp_extension",
    "numpy.testing",
    "numpy.f2py",
)


class Inert:
    """Stands for any object that is no tensor and no dictionary: takes everything, does nothing."""

    __slots__ = ()

    def __new__(cls, *_: object, **__: object) -> Inert:
        """Take any arguments."""
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        """Ignore them."""

    @staticmethod
    def __setstate__(*_: object) -> None:
        """Keep the unpickler from setting attributes, of instances and of the class."""

    def _ignore(self, *_: object) -> None:
        pass

    __setitem__ = append = extend = add = _ignore


class PlainDict(dict[Any, Any]):
    """In place of ``collections.OrderedDict``, without attributes that a pickle could set."""

    __slots__ = ()

    def __init__(self, items: object = None, *_: object) -> None:
        """Take the list of pairs that pickles of Python 2 have; it is used up, so that it is taken once."""
        if isinstance(items, list):
            for pair in items:
                if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str):
                    self[pair[0]] = pair[1]
            items.clear()

    @staticmethod
    def __setstate__(*_: object) -> None:
        """Ignore attributes such as ``_metadata``."""


class PlainParameters(PlainDict):
    """In place of ``torch.nn.ParameterDict``, which old files of textual inversion have."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:  # type: ignore[override]
        """Keep the tensors; ignore what else a module has."""
        parameters = state.get("_parameters") if isinstance(state, dict) else None
        if isinstance(parameters, dict):
            self.update({k: v for k, v in parameters.items() if isinstance(v, PickledTensor)})
            parameters.clear()


class StorageType(Inert):
    """In place of ``torch.FloatStorage`` and the like."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


class Storage(Inert):
    """A run of bytes that lies elsewhere in the file, under ``key``."""

    __slots__ = ("dtype", "key")

    def __init__(self, dtype: torch.dtype, key: str) -> None:
        self.dtype = dtype
        self.key = key


class PickledTensor(Inert):
    """A tensor as a pickle describes it: offset and stride count elements of the storage."""

    __slots__ = ("offset", "shape", "storage", "stride")

    def __init__(
        self, storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.stride = stride


class Rebuild(Inert):
    """In place of a function of ``torch._utils``: may be called, may not be changed."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *args: object) -> object:
        """Call the function below."""
        return self._function(*args)


def _tensor(
    storage: object = None, offset: object = None, shape: object = None, stride: object = None, *_: object
) -> object:
    if not isinstance(storage, Storage):
        return Inert()  # a kind of storage that no weights are in
    if (
        not _is_count(offset)
        or not isinstance(shape, tuple)
        or not isinstance(stride, tuple)
        or not len(shape) == len(stride) <= MAX_DIMENSIONS
        or not all(_is_count(n) for n in (*shape, *stride))
    ):
        raise pickle.UnpicklingError("tensor")
    return PickledTensor(storage, offset, shape, stride)  # type: ignore[arg-type]


def _tensor_of_dtype(
    storage: object = None,
    offset: object = None,
    shape: object = None,
    stride: object = None,
    _grad: object = None,
    _hooks: object = None,
    dtype: object = None,
    *_: object,
) -> object:
    if not isinstance(storage, Storage) or not isinstance(dtype, StorageType):
        return Inert()
    return _tensor(Storage(dtype.dtype, storage.key), offset, shape, stride)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < MAX_SIZE


def _parameter(tensor: object = None, *_: object) -> object:
    return tensor


def _subclass(function: object = None, _type: object = None, args: object = (), *_: object) -> object:
    return function(*args) if isinstance(function, Rebuild) and isinstance(args, tuple) else Inert()


REBUILD: Final[Mapping[tuple[str, str], Callable[..., object]]] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_of_dtype,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): _subclass,
}


class RestrictedUnpickler(pickle.Unpickler):
    """Reads one pickle from an open file; see the top of this module.

    Attributes:
        storages: Every storage that the pickle names, by key.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="latin1")  # any byte is a character: old files have byte strings
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Answer a name in the pickle with one of the stand-ins above."""
        if len(module) + len(name) > MAX_NAME:
            raise too_large(f"{len(module) + len(name):,}")
        if is_dangerous(module, name):
            self._refuse(f"{module}.{name}")
        if (module, name) == ("collections", "OrderedDict"):
            return PlainDict
        if (module, name) == ("torch.nn.modules.container", "ParameterDict"):
            return PlainParameters
        if module in ("torch", "torch.storage") and name in STORAGES:
            return StorageType(STORAGES[name])
        if module == "torch" and name in DTYPES:
            return StorageType(DTYPES[name])
        if (module, name) in REBUILD:
            return Rebuild(REBUILD[module, name])
        # A type of its own, since pickles make instances of it.
        return type("Stub", (Inert,), {"__slots__": ()})

    def persistent_load(self, pid: Any) -> object:
        """Answer the description of a storage: ``("storage", type, key, device, elements[, view])``."""
        match pid:
            case ("storage", StorageType(dtype=dtype), str(key), _, _) | (
                "storage", StorageType(dtype=dtype), str(key), _, _, None
            ):  # fmt: skip
                return self.storages.setdefault(key, Storage(dtype, key))
            case ("module", type() as stand_in, *_):  # old files name the source of a module beside its type
                return stand_in
        return Inert()

    def _refuse(self, name: str) -> NoReturn:
        raise Fault(
            "weights.malicious",
            ja=f"{FILE} は危険なファイルです。重みには不要な {name} を呼び出すように作られています。"
            "何も実行せずに読み込みを中止しました。このファイルは使わず、削除してください。",
            en=f"{FILE} is dangerous: it is made to call {name}, which no file of weights needs. "
            "Nothing of it was run. Do not use this file; delete it.",
        )


def is_dangerous(module: str, name: str) -> bool:
    """Whether only an attack has a use for ``module.name`` in a file of weights."""
    root, (first, *rest) = module.partition(".")[0], name.split(".")
    return (
        root in DANGEROUS_MODULES
        or (bool(rest) and first in DANGEROUS_MODULES)  # through a module that imports it: "x", "os.system"
        or first in DANGEROUS_NAMES.get(module, ())
        or any(f"{module}.{name}.".startswith(prefix + ".") for prefix in DANGEROUS_PREFIXES)
    )
