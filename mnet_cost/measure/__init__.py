"""Measurements: files of them, fits to them, and profiles that hold a fit."""
