"""The words of the design as plain typed objects; imports nothing of ours."""
