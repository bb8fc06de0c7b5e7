"""Where an object of OMERO comes from and what was made of it, in the webclient's right panel."""
