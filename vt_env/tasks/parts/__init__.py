"""What scenes of several kinds are made of."""
