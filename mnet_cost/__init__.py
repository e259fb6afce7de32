"""mnet_cost: what a vision network costs, from a declarative spec."""
