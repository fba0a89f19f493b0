"""ImageGene: a small client app of Unified that paints procedural pictures from a prompt and a style."""
