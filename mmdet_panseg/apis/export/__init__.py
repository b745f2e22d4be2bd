"""Export of trained models to ONNX and openvino."""

from __future__ import annotations

from .errors import ExportError
from .exporting import Export, export_detector

__all__ = ['Export', 'ExportError', 'export_detector']
