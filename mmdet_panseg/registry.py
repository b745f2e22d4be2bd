"""The scope of this package, so that ``mmdet_panseg::recipes/instance_cpu.py`` works as ``mmdet::...`` does.

mmengine looks for configs in the packages that it lists, and for the parts of such a config in registries of that
scope. These have no parts of their own: each passes on to mmdet's, where ours are registered.
"""

from __future__ import annotations

from mmdet import registry as mmdet_registries
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry

SCOPE = 'mmdet_panseg'

MODULE2PACKAGE.setdefault(SCOPE, SCOPE)
REGISTRIES = [
    Registry(parent.name, parent=parent, scope=SCOPE, locations=[SCOPE])
    for parent in vars(mmdet_registries).values()
    if isinstance(parent, Registry)
]
