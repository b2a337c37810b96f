"""Parked messages have failed, or wait behind one that has, until an operator releases them."""
