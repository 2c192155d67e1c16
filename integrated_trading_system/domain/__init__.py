"""The nouns: frozen values that every other part speaks about. Imports nothing of ours."""
