"""An engine judged without labels: how far it is from the FP32 engine of the same bundle, and what that costs."""
