"""mnet_cost: what a vision network costs, from a declarative spec."""

__version__ = "0.1.0"
