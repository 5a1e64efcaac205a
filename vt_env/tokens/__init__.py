"""Visual tokens as each family's processor counts them."""
