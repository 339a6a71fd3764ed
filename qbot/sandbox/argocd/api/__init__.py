"""The HTTP surface of the stand-in Argo CD."""
