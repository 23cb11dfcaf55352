"""The bundle's graph in fewer bits: ranges measured on normal tiles, written for TensorRT and for OpenVINO."""
