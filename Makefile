# The same words as ./its.sh, for those who type make. ARGS="..." passes arguments on.
.PHONY: run test check bench

run test check bench:
	@./its.sh $@ $(ARGS)
