"""The procedure of enforcement: order before the decision."""
