"""COCO annotation files, of instances and panoptic, and the data sets that read them."""
