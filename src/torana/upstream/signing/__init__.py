"""What opens an upstream's door: keys as they are, signatures, and tokens that keys are changed for."""
