"""What one pass through a model costs, counted operation by operation, each for the module that it is in."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


class LiveMemory(TorchDispatchMode):
    """Follow the memory of the tensors that operations make, from their birth to their end.

    Works on the meta device, where nothing is computed: what a tensor would take is counted.

    Attributes:
        peak: Most bytes alive at a time, without those of tensors that were there before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and take in what it makes."""
        before = {_storage_key(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor) and _storage_key(leaf) not in before | self._known:
                self._take_in(leaf.untyped_storage())
        return made

    def _take_in(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self._known.add(key)
        self._alive += size
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._let_go, key, size)

    def _let_go(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._alive -= size


def _storage_key(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class ModuleStack:
    """Know which module is at work, by its name.

    Args:
        model: The model.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._stack = ['']

    @property
    def current(self) -> str:
        """Name of the innermost module at work; empty for the model itself."""
        return self._stack[-1]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Follow the modules within this context."""
        with ExitStack() as stack:
            for name, module in self._model.named_modules():
                if name:
                    stack.callback(module.register_forward_pre_hook(self._enter(name)).remove)
                    stack.callback(module.register_forward_hook(self._leave, always_call=True).remove)
            yield

    def _enter(self, name: str) -> Any:
        return lambda module, args: self._stack.append(name)

    def _leave(self, *_: Any) -> None:
        self._stack.pop()


class MultiplyAdds(TorchDispatchMode):
    """Count multiply-adds, of convolutions, matrix products and attention, for the module at work.

    Args:
        modules: Who is at work.

    Attributes:
        by_module: Multiply-adds by name of the innermost module.
    """

    def __init__(self, modules: ModuleStack) -> None:
        super().__init__()
        self.modules = modules
        self.by_module: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        made = func(*args, **(kwargs or {}))
        operations = flop_registry.get(func.overloadpacket)
        if operations is not None:
            # torch counts a multiplication and an addition as two.
            self.by_module[self.modules.current] += operations(*args, **(kwargs or {}), out_val=made) // 2
        return made


class KeptForBackward:
    """Count the bytes that autograd keeps for the backward pass, each storage once, parameters not.

    Args:
        modules: Who is at work.
        parameters: Tensors that are there anyway.

    Attributes:
        by_module: Bytes by name of the innermost module.
    """

    def __init__(self, modules: ModuleStack, parameters: Iterator[Tensor]) -> None:
        self.modules = modules
        self.by_module: Counter[str] = Counter()
        self._known = {_storage_key(tensor) for tensor in parameters}
        self._kept: list[Tensor] = []

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count within this context, whose tensors stay until it is over."""
        with torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor):
            yield
        self._kept.clear()

    def _pack(self, tensor: Tensor) -> Tensor:
        key = _storage_key(tensor)
        if key not in self._known:
            self._known.add(key)
            # As long as it lives, no other storage has its address.
            self._kept.append(tensor)
            self.by_module[self.modules.current] += tensor.untyped_storage().nbytes()
        return tensor
